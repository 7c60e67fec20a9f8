import { describe, expect, it } from "vitest";

import { total } from "./cart";

describe("total", () => {
  it("adds the lines up", () => {
    expect(total([{ article: "tea", price: 300, count: 2 }])).toBe(600);
  });

  it("refuses a discount of all", () => {
    expect(() => total([], 1)).toThrow(RangeError);
  });
});
