import pg from "pg";

export const pool = new pg.Pool();

export async function query(text: string, values: unknown[] = []) {
  const result = await pool.query(text, values);
  return result.rows;
}

export async function findBy(table: string, column: string, value: string) {
  return query(`SELECT * FROM ${table} WHERE ${column} = '${value}'`);
}
