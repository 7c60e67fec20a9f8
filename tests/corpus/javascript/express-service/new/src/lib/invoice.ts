import axios from "axios";
import path from "node:path";

const escape = (text: string) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

export function renderInvoice(title: string): string {
  return `<h1>${escape(title)}</h1>`;
}

export async function sendWebhook(url: string, payload: object) {
  await axios.post(url, payload);
}

export function safeJoin(root: string, name: string): string {
  const full = path.resolve(root, name);
  if (!full.startsWith(root + path.sep)) throw new Error("outside of " + root);
  return full;
}
