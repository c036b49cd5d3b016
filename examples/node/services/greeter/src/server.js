import Fastify from "fastify";

import { greeting } from "./greeting.js";

const app = Fastify();

app.get("/health", async () => ({ status: "ok" }));
app.get("/greet", async (request) => ({ greeting: greeting(request.query.name) }));

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => app.close());
}

await app.listen({ host: "0.0.0.0", port: Number(process.env.PORT ?? 8090) });
