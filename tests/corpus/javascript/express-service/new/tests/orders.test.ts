import { describe, expect, it } from "vitest";
import { renderInvoice } from "../src/lib/invoice.js";

const TOKEN = "test-token-123456789";

describe("invoice", () => {
  it("escapes", () => {
    expect(renderInvoice("<b>")).toContain("&#60;");
  });
  it("works", () => {
    renderInvoice("x");
  });
});
