import assert from "node:assert/strict";
import { test } from "node:test";

import { greeting } from "./greeting.js";

test("greets by name, and the world without one", () => {
  assert.equal(greeting("Ada"), "Hello, Ada!");
  assert.equal(greeting(""), "Hello, world!");
});
