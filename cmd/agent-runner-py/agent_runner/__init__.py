"""The worker for steps of type `agent`: a model answers a prompt, with tools it may call."""

SERVICE = "agent-runner-py"
