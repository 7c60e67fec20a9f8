export function sorted(prices: number[]) {
  return prices.sort();
}
export function total(items: { price: number }[]) {
  let sum;
  for (const item of items) sum += item.price;
  return sum;
}
export async function load(id: string) {
  try {
    return fetch(`/api/${id}`).then((r) => r.json());
  } catch (e) {
    console.error(e);
    return null;
  }
}
export function remove(list: string[], gone: string) {
  list.forEach((one, i) => {
    if (one === gone) list.splice(i, 1);
  });
}
export function parse(body: string) {
  return JSON.parse(body).user.name;
}
const cache: Record<string, unknown> = {};
export async function cached(id: string) {
  if (!cache[id]) cache[id] = await load(id);
  return cache[id];
}
export function find(ids: string[], id: string) {
  if (ids.indexOf(id)) return true;
  return false;
}
export const delay = (ms: number) => new Promise((resolve) => setTimeout(resolve(undefined), ms));
export function useItems(props: { items: string[] }) {
  props.items.push("x");
  return props.items.filter((i) => { i.length > 2; });
}
