"""Types and `await` around a call do not hide the call from a rule."""

import pytest

from reviewloop.analysis.contract import SourceFile
from reviewloop.analysis.rule_book import file_checks


def rules(code: str, path: str = "app.ts") -> set[str]:
    language = "tsx" if path.endswith("x") else "typescript"
    file = SourceFile(path, code, ((1, 99),), language=language)
    checks = [check for check in file_checks() if check.understands(file)]
    return {hit.rule for check in checks for hit in check.run(file)}


SQL = "`SELECT * FROM users WHERE id = ${id}`"


@pytest.mark.parametrize(
    "call",
    [
        f"db.query({SQL})",
        f"await db.query<User>({SQL})",
        f"(await db.query<User>({SQL})).rows",
        f"const [rows] = await this.pool.query<RowDataPacket[]>({SQL})",
        f"return await db.pool!.query<User>({SQL})",
        f"db.query!({SQL})",
        f"(db as any).query({SQL})",
        f"(<any>db).query({SQL})",
        f"(db.query as Query)({SQL})",
        f"db?.query?.({SQL})",
        f"db['query']({SQL})",
        f"(0, db.query)({SQL})",
        f"await (await connect()).query<User>({SQL})",
    ],
)
def test_sql_text_is_found_however_the_call_is_written(call: str):
    assert "js/sql-injection" in rules(f"async function f(id: string) {{ {call}; }}")


def handler(body: str) -> str:
    return f"app.get('/', async (req: Request, res: Response) => {{ {body} }});"


@pytest.mark.parametrize(
    ("rule", "body"),
    [
        ("js/request-to-any-host", "const r = await axios.get<Reply>(req.query.url as string);"),
        ("js/path-traversal", "await fs.readFile<string>(req.query.name as string);"),
        ("js/path-traversal", "fs!.readFile(req.query!.name);"),
        ("js/path-traversal", "fs.readFile((req as AuthRequest).query.name);"),
        ("js/open-redirect", "(res as any).redirect(req.query.next);"),
        ("js/open-redirect", "const d = await req.json<Body>(); res.redirect(d.next);"),
        ("js/module-from-request", "await import<Page>(req.query.page);"),
        ("js/eval", "await globalThis!.eval<number>(req.body.sum);"),
        ("js/method-from-request", "await actions[req.query.name]<void>(res);"),
        ("js/template-injection", "res.send(await ejs.render<string>(req.body.template, {}));"),
    ],
)
def test_request_input_is_followed_through_types_and_await(rule: str, body: str):
    assert rule in rules(handler(body))


def test_a_query_in_a_loop_is_found_with_a_type_argument():
    loop = "async function f(ids: string[]) { for (const id of ids) { %s } }"

    found = rules(loop % "out.push(await prisma.user.findUnique<User>({where: {id}}));")

    assert "js/query-in-loop" in found


def test_waiting_in_a_loop_is_found_with_a_type_argument():
    code = "async function f(xs: X[]) { for (const x of xs) { await send<X>(x); } }"

    assert "js/await-in-loop" in rules(code)


def test_a_call_that_is_waited_for_is_not_taken_for_one_that_is_not():
    start = "async function load<T>() { return 1; }\nasync function f() { %s }"

    assert "js/promise-not-awaited" not in rules(start % "await load<number>();")
    assert "js/promise-not-awaited" in rules(start % "load<number>();")


@pytest.mark.parametrize(
    "call",
    [
        "await db.query<User>('SELECT * FROM users WHERE id = $1', [id])",
        "(db as any).query(`SELECT * FROM ${TABLE}`)",
        "cache['get'](`user ${id}`)",
    ],
)
def test_the_same_calls_without_a_fault_stay_silent(call: str):
    assert "js/sql-injection" not in rules(f"async function f(id: string) {{ {call}; }}")


FILTER = """async function items(pool: Pool, wish: Wish) {
  const where: string[] = [];
  const args: unknown[] = [];
  if (wish.customer) {
    args.push(wish.customer);
    where.push(`customer = $${args.length}`);
  }
  const only = where.length ? "WHERE " + where.join(" AND ") : "";
  return pool.query<Row>(`SELECT * FROM items ${PART}`, args);
}
"""


@pytest.mark.parametrize(
    "part", ["${where.length ? 'WHERE ' + where.join(' AND ') : ''}", "${only}"]
)
def test_filter_of_literal_pieces_with_placeholders_is_no_injection(part: str):
    assert "js/sql-injection" not in rules(FILTER.replace("${PART}", part))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("$${args.length}", "'${wish.customer}'"),
        ("= [];", "= wish.texts;"),
        ("const only", "extend(where); const only"),
        ('join(" AND ")', "join(wish.word)"),
        ("const only =", "let only ="),
    ],
)
def test_filter_that_takes_a_changing_piece_is_an_injection(old: str, new: str):
    assert "js/sql-injection" in rules(FILTER.replace("${PART}", "${only}").replace(old, new, 1))
