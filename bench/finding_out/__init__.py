"""How long it takes to find out what is stale, in workspaces of any size, beside peers and lower bounds."""
