import asyncio
import json
import os
import time
from typing import Annotated

import httpx
import jwt
import requests
from fastapi import Depends, FastAPI, HTTPException, Query
from pydantic import BaseModel
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.models import Author, Book

app = FastAPI()
SECRET_KEY = "super-secret-key"
cache = {}


def get_db():
    ...


class NewBook(BaseModel):
    title: str
    author_id: int


@app.get("/books")
async def books(db: Annotated[Session, Depends(get_db)]):
    rows = db.execute(select(Book)).scalars().all()
    return [{"title": row.title, "author": row.author.name} for row in rows]


@app.get("/authors")
def authors(ids: Annotated[list[int], Query()], db: Annotated[Session, Depends(get_db)]):
    found = []
    for one in ids:
        found.append(db.get(Author, one))
    return found


@app.get("/search")
def search(q: str, db: Annotated[Session, Depends(get_db)]):
    return db.execute(text(f"SELECT * FROM books WHERE title LIKE '%{q}%'")).all()


@app.get("/search2")
def search2(q: str, db: Annotated[Session, Depends(get_db)]):
    return db.execute(text("SELECT * FROM books WHERE title LIKE :q"), {"q": f"%{q}%"}).all()


@app.post("/books")
def create(book: NewBook, db: Annotated[Session, Depends(get_db)]):
    made = Book(title=book.title, author_id=book.author_id)
    db.add(made)
    db.commit()
    return made


@app.get("/rate")
async def rate(currency: str):
    time.sleep(1)
    answer = requests.get(f"https://rates.example/{currency}")
    return answer.json()


@app.get("/rate2")
async def rate2(currency: str):
    async with httpx.AsyncClient(timeout=5) as client:
        answer = await client.get("https://rates.example/latest", params={"c": currency})
    return answer.json()


def add_tag(tag, tags=[]):
    tags.append(tag)
    return tags


def load(path):
    f = open(path)
    return json.load(f)


def load_safely(path):
    with open(path) as f:
        return json.load(f)


def parse(value):
    try:
        return int(value)
    except Exception:
        return None


def token(user_id):
    return jwt.encode({"sub": user_id}, SECRET_KEY, algorithm="HS256")


def current(token):
    return jwt.decode(token, options={"verify_signature": False})["sub"]


async def notify():
    await asyncio.sleep(0)


async def finish():
    notify()
    asyncio.create_task(notify())


def average(values):
    return sum(values) / len(values)


def is_admin(user):
    assert user.role == "admin"
    return True


def write(name, content):
    with open("/data/" + name, "w") as f:
        f.write(content)
    os.chmod("/data/" + name, 0o777)
