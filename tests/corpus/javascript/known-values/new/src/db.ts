import pg from "pg";
export const pool = new pg.Pool();
export async function run(text: string, values: unknown[] = []) {
  const result = await pool.query(text, values);
  return result.rows;
}
export async function findBy(table: string, column: string, value: string) {
  return run(`SELECT * FROM ${table} WHERE ${column} = '${value}'`);
}
export async function byId(value: string) {
  return pool.query(`SELECT * FROM t WHERE id = '${value}'`);
}
