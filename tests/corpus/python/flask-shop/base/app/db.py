from sqlalchemy import create_engine, text

engine = create_engine("sqlite:///shop.db")


def run(sql, **values):
    with engine.begin() as conn:
        return conn.execute(text(sql), values).fetchall()


def search(table, term):
    return run(f"SELECT * FROM {table} WHERE name LIKE '%{term}%'")
