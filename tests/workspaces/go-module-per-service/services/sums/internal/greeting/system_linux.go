package greeting

const system = "Linux"
