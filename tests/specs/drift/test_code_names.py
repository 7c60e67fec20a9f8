"""Names read from code: routes with their prefixes, tables, settings and commands."""

import pytest

from reviewloop.specs.drift.code import Code

GO = 'package api\n\nimport "github.com/gin-gonic/gin"\n\n'


def code_of(files: dict[str, str]) -> Code:
    return Code.of(files, files.get)


def endpoints(files: dict[str, str]) -> set[str]:
    return {one.text for one in code_of(files).names.names if one.kind == "endpoint"}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {
                "app/main.py": "from fastapi import FastAPI\nfrom .api import v1 as one\n"
                "app = FastAPI()\napp.include_router(one.router, prefix='/v1')\n",
                "app/__init__.py": "",
                "app/api/__init__.py": "from app.api.v1 import router\n",
                "app/api/v1.py": "from fastapi import APIRouter\nfrom app.api.users import users\n"
                "router = APIRouter()\nrouter.include_router(users, prefix='/users')\n",
                "app/api/users.py": "from fastapi import APIRouter\nusers = APIRouter()\n"
                "@users.api_route('/{id}/mail', methods=['PUT', 'POST'])\ndef mail(id): ...\n",
            },
            {"POST/PUT /v1/users/{}/mail"},
        ),
        (
            {
                "web/shop.py": "from flask import Blueprint\nPAGES = '/pages'\n"
                "shop = Blueprint('shop', __name__, url_prefix='/shop')\n"
                "@shop.route(PAGES)\ndef pages(): ...\n"
                "shop.add_url_rule('/<path:rest>', 'rest', lambda rest: '', methods=('DELETE',))\n",
                "web/app.py": "from flask import Flask\nfrom web import shop\napp = Flask('web')\n"
                "app.register_blueprint(shop.shop)\n",
            },
            {"GET /shop/pages", "DELETE /shop/{}"},
        ),
        (
            {
                "site/urls.py": "from django.urls import include, path\nfrom rest_framework import "
                "routers\nrouter = routers.DefaultRouter()\nrouter.register('pets', Pets)\n"
                "urlpatterns = [path('api/', include(router.urls)), path('about/', about)]\n",
            },
            {"ANY /api/pets", "ANY /api/pets/{}", "ANY /about"},
        ),
        (
            {
                "src/server.js": "const app = require('express')();\n",
                "src/app.ts": "import express from 'express';\nimport pets from './pets.js';\n"
                "const app: express.Express = express();\napp.use('/api', auth, pets);\n"
                "// app.get('/gone', x)\napp.all('/any', (q, s) => s.end());\n",
                "src/pets.ts": "import { Router } from 'express';\nconst pets = Router();\n"
                "pets.get(`/pets/:id`, (q, s) => client.get('/elsewhere', x));\n"
                "export default pets;\n",
            },
            {"ANY /any", "GET /api/pets/{}"},
        ),
        (
            {
                "src/pets.controller.ts": "@Controller({ path: 'pets', version: '1' })\n"
                "export class Pets {\n  @Get(['', 'all'])\n  all() {}\n"
                "  @Delete(':id')\n  go() {}\n}\n",
            },
            {"GET /pets", "GET /pets/all", "DELETE /pets/{}"},
        ),
        (
            {
                "main.go": 'package main\n\nimport "net/http"\n\nfunc main() {\n'
                '\thttp.HandleFunc("/pets", pets)\n\tmux := http.NewServeMux()\n'
                '\tmux.Handle("PUT example.org/pets/{id}", put)\n}\n',
                "api/api.go": f'{GO}func New() {{\n\tr := gin.New()\n\tapi := r.Group("/api")\n'
                '\tapi.Any("/any", x)\n\t{\n\t\tin := api.Group("/in")\n'
                '\t\tin.PATCH("/:id", y)\n\t}\n}\n',
            },
            {"ANY /pets", "PUT /pets/{}", "ANY /api/any", "PATCH /api/in/{}"},
        ),
    ],
    ids=["fastapi", "flask", "django", "express", "nestjs", "go"],
)
def test_routes_are_read_with_the_prefixes_they_are_mounted_at(files, expected):
    assert endpoints(files) == expected


@pytest.mark.parametrize(
    ("path", "text", "reason"),
    [
        (
            "a.py",
            "from fastapi import FastAPI\napp = FastAPI()\n@app.get(url())\ndef a(): ...\n",
            "computed",
        ),
        ("a.py", "from flask import Flask\napp = Flask('a')\n@app.get('/a'\n", "cannot be parsed"),
        (
            "a.ts",
            "import express from 'express';\nconst a = express();\na.get(base + '/x', h);\n",
            "computed",
        ),
        ("a.go", f"{GO}func N(r *gin.Engine) {{\n\tr.GET(base, h)\n}}\n", "computed"),
        ("A.java", '@GetMapping("/a")\nclass A {}\n', "Spring"),
        ("config/routes.rb", "Rails.application.routes.draw do\nend\n", "Rails"),
        ("pages/api/pets.ts", "export default function h() {}\n", "Next.js"),
        ("A.kt", 'fun Application.api() { routing {\n  get("/a") {} } }\n', "Ktor"),
        ("A.cs", 'app.MapGet("/a", () => 1);\n', "ASP.NET"),
        ("app.rb", "require 'sinatra'\nget '/a' do\nend\n", "Sinatra"),
        ("lib/router.ex", "defmodule A do\n  use AWeb, :router\nend\n", "Phoenix"),
        ("routes/api.php", "<?php\nRoute::get('/a', [A::class, 'b']);\n", "Laravel"),
        ("src/A.php", "<?php\n#[Route('/a')]\nclass A {}\n", "Symfony"),
        ("src/main.rs", '#[get("/a")]\nasync fn a() {}\n', "Rust"),
        ("a.ts", "import fastify from 'fastify';\nfastify().get('/a', h);\n", "Fastify"),
        ("a.cjs", "const app = require('fastify')();\napp.get('/a', h);\n", "Fastify"),
        ("a.mjs", "import { Hono } from 'hono';\nnew Hono().get('/a', h);\n", "Hono"),
        ("a.py", "from aiohttp import web\nweb.get('/a', h)\n", "aiohttp"),
        ("b.py", "from litestar import get\n@get('/a')\ndef a(): ...\n", "Litestar"),
        ("a.go", 'package a\nimport "github.com/go-chi/chi/v5"\n', "chi"),
        ("src/routes/a/+server.ts", "export function GET() {}\n", "SvelteKit"),
        ("server/api/pets.get.ts", "export default h;\n", "Nuxt"),
    ],
)
def test_what_is_not_understood_is_named(path, text, reason):
    [unread] = [one for one in code_of({path: text}).names.unread if one.kind == "endpoint"]
    assert reason in unread.reason
    assert unread.path == path


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"1.sql": "create table if not exists shop.pets (id int);"}, {"pets"}),
        ({"1.sql": "-- CREATE TABLE o (i int)\nCREATE TABLE a (b int);\nDROP TABLE a;"}, set()),
        ({"1.sql": "-- +goose Up\nCREATE TABLE a (b int);\n-- +goose Down\nDROP TABLE a;"}, {"a"}),
        (
            {
                "versions/2f_b.py": "def upgrade():\n    op.create_table('pets')\n"
                "    op.rename_table('cats', 'kittens')\n"
                "def downgrade():\n    op.drop_table('pets')\n",
                "versions/1a_a.py": "def upgrade():\n    op.create_table('cats')\n",
            },
            {"pets", "kittens"},
        ),
        ({"m.py": "class Pet(SQLModel, table=True):\n    id: int\n# sqlmodel\n"}, {"pet"}),
        (
            {
                "zoo/models.py": "from django.db import models\nclass Base(models.Model):\n"
                "    class Meta:\n        abstract = True\nclass Pet(models.Model):\n    pass\n"
            },
            {"zoo_pet"},
        ),
        ({"s.prisma": 'model Pet {\n  id Int\n  @@map("pets")\n}\n'}, {"pets"}),
        ({"p.entity.ts": "@Entity()\nexport class PetOwner {}\n"}, {"pet_owner"}),
        ({"store.go": "const s = `CREATE TABLE pets (id INT)`\n"}, {"pets"}),
    ],
)
def test_tables_are_those_that_are_left_in_the_end(files, expected):
    found = code_of(files).names
    assert {one.text for one in found.names if one.kind == "table"} == expected


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        (
            "a.py",
            'x = os.environ["A_B"]\ny = os.getenv("C_D")\nz = env.int("E_F")\n',
            {"A_B", "C_D", "E_F"},
        ),
        ("a.ts", "const { x } = process.env.A_B ?? process.env['C_D'];\n", {"A_B", "C_D"}),
        ("a.go", 'a, _ := os.LookupEnv("A_B") // os.Getenv("C_D")\n', {"A_B", "C_D"}),
        (
            "s.py",
            "class S(BaseSettings):\n    model_config = SettingsConfigDict(env_prefix='SHOP_')\n"
            "    port: int = 1\n",
            {"SHOP_PORT"},
        ),
    ],
)
def test_settings_are_what_is_read_of_the_environment(path, text, expected):
    found = code_of({path: text}).names
    assert {one.text for one in found.names if one.kind == "setting"} == expected


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        (
            "c.py",
            "@app.command(name='do-it')\ndef x(): ...\n@cli.group()\ndef sub_part(): ...\n"
            "import click\n",
            {"do-it", "sub-part"},
        ),
        ("c.py", "sub.add_parser(\n    'go',\n    help='x')\n", {"go"}),
        ("package.json", '{"scripts": {"seed": "x", "test": "y"}}', {"seed", "test"}),
        ("Makefile", "A := 1\n.PHONY: load\nload: a.csv\n\tx\n", {"load"}),
        ("x/management/commands/go_on.py", "class Command: ...\n", {"go_on"}),
        (
            "cmd/r.go",
            'var rootCmd = &cobra.Command{\n\tUse: "tool",\n}\n'
            'var a = &cobra.Command{Use: "add [x]"}\n',
            {"add"},
        ),
        ("cli.ts", "import { program } from 'commander';\nprogram.command('add <x>');\n", {"add"}),
    ],
)
def test_commands_are_read(path, text, expected):
    found = code_of({path: text}).names
    assert {one.text for one in found.names if one.kind == "command"} == expected


def test_tests_examples_and_code_of_others_are_not_read():
    text = "CREATE TABLE pets (id int);"
    paths = ("tests/a.sql", "examples/a.sql", "node_modules/x/a.sql", "vendor/a.sql", ".x/a.sql")
    assert code_of(dict.fromkeys(paths, text)).names.names == []
