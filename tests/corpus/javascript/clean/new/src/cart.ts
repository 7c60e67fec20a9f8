export interface Line {
  article: string;
  price: number;
  count: number;
}

/** What the lines cost together, in cents. */
export function total(lines: readonly Line[], discount = 0): number {
  if (discount < 0 || discount >= 1) {
    throw new RangeError("a discount is a share between 0 and 1");
  }
  const gross = lines.reduce((sum, line) => sum + line.price * line.count, 0);
  return Math.round(gross * (1 - discount));
}
