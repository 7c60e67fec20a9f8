"""The locations searched for secrets of this machine."""

import base64
import json
import os
from pathlib import Path

import pytest
from support.started import programs_started

from reviewloop.app.redactors import known_secrets, redactor_for, redactor_here, redactor_of
from reviewloop.git.repository import discover
from reviewloop.store.folders import own_key

A, B, C, D = "kT9vQ2xLm7Rd4wZ8", "pB3nHf5Gj1Ks6Dt0", "Zx8Cv5Bn2Ma9Sd6F", "Yt5Re3Wq1Po8Il7U"


def held(root: Path | None, git_dir: Path | None = None) -> dict[str, str]:
    return {value: name for name, value in known_secrets(root, git_dir)}


def test_environment_by_name_and_addresses_by_their_password(monkeypatch):
    for name, value in {"SHOP_API_KEY": A, "HTTPS_PROXY": f"http://me:{B}@proxy:3128"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SHOP_COLOUR", C)
    found = held(None)
    assert found[A] == "SHOP_API_KEY"
    assert found[B] == "HTTPS_PROXY"
    assert C not in found


def test_aws_profiles_and_what_the_aws_tools_keep(private_home, monkeypatch):
    folder = private_home / ".aws"
    (folder / "sso/cache").mkdir(parents=True)
    monkeypatch.delenv("AWS_SHARED_CREDENTIALS_FILE")
    monkeypatch.delenv("AWS_CONFIG_FILE")
    (folder / "credentials").write_text(f"[a]\naws_secret_access_key={A}\n[b]\nregion = {D}\n")
    (folder / "config").write_text(f"[profile c]\naws_session_token = {B}\n")
    (folder / "sso/cache/x.json").write_text(json.dumps({"accessToken": C, "region": D}))
    (folder / "sso/cache/broken.json").write_text("{")
    assert {A, B, C} <= held(None).keys()
    assert D not in held(None)


def test_environment_files_near_the_root_but_no_examples(tmp_path):
    texts = {
        ".env": f"export A_KEY='{A}' # ours\nNODE_ENV=production\nEMPTY=\nB_DSN=\"{B}\"\n",
        "web/app/.env.local": f"C_TOKEN={C}\n",
        ".env.example": f"D_TOKEN={D}\n",
        "node_modules/x/.env": f"D_TOKEN={D}\n",
    }
    for path, text in texts.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    os.mkfifo(tmp_path / ".env.pipe")
    assert held(tmp_path) == {A: "A_KEY", B: "B_DSN", C: "C_TOKEN"}


def test_a_sentence_is_no_secret_however_mixed_it_is(tmp_path):
    sentence = "2021 The HedgeDoc developers (see AUTHORS file)"
    words = "4 brown foxes (see AUTHORS) jump 17 times"
    (tmp_path / ".env").write_text(f"SPDX-FileCopyrightText: {sentence}\nA_PASSWORD={words}\n")
    assert held(tmp_path) == {words: "A_PASSWORD"}


def test_of_several_words_those_are_secrets_that_were_drawn(tmp_path):
    (tmp_path / ".env").write_text(f"DSN=host=db.internal user=shop password={A}\n")
    assert held(tmp_path) == {f"password={A}": "DSN"}


def test_addresses_and_headers_in_gits_configuration(repo, git, monkeypatch):
    git(repo, "remote", "add", "origin", f"https://ada:{A}@git.shop.io/shop.git")
    git(repo, "config", f"url.https://{B}@git.shop.io/.insteadOf", "shop:")
    git(repo, "config", "http.https://git.shop.io/.extraHeader", f"AUTHORIZATION: basic {C}")
    found = held(repo, repo / ".git")
    assert {A, B, C} <= found.keys()
    monkeypatch.chdir(repo)
    assert A not in redactor_here().for_people(f"see https://ada:{A}@git.shop.io")


def test_settings_of_git_that_were_read_already_are_not_read_again(repo, git):
    git(repo, "remote", "add", "origin", f"https://ada:{A}@git.shop.io/shop.git")
    user = discover(repo)
    with programs_started() as started:
        redactor = redactor_of(user)
    assert started == []
    assert A not in redactor.for_people(f"see https://ada:{A}@git.shop.io")
    assert A not in repr(user)


def test_the_key_is_made_once_and_where_none_can_be_kept_there_is_one_all_the_same(
    private_home, monkeypatch
):
    first = own_key()
    assert own_key() == first
    (path,) = (private_home / "state").glob("own.key*")
    assert path.stat().st_mode & 0o777 == 0o600
    (private_home / "file").write_text("")
    monkeypatch.setenv("REVIEWLOOP_STATE_DIR", str(private_home / "file/below"))
    assert len(own_key()) == len(first)
    assert redactor_for(None).for_models("x") == "x"


@pytest.mark.parametrize("text", ["", "\0\0", "A_KEY", "=x", "A_KEY=" + "x" * 300_000])
def test_odd_environment_files_hold_nothing_and_harm_nothing(tmp_path, text):
    (tmp_path / ".env").write_text(text)
    assert held(tmp_path) == {}


def test_what_programs_keep_in_the_home_folder(private_home, monkeypatch):
    for name in ("NETRC", "DOCKER_CONFIG", "KUBECONFIG", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    for folder in (".docker", ".kube"):
        (private_home / folder).mkdir()
    (private_home / ".netrc").write_text(f"machine example.org login ada password {A}\n")
    (private_home / ".git-credentials").write_text(f"https://ada:{B}@example.org\n")
    auth = base64.b64encode(f"ada:{C}".encode()).decode()
    (private_home / ".docker/config.json").write_text(json.dumps({"auths": {"r": {"auth": auth}}}))
    (private_home / ".kube/config").write_text(f"users:\n- name: a\n  user:\n    token: {D}\n")
    assert {A, B, C, D, auth} <= held(None).keys()


def test_files_of_the_home_folder_that_are_no_such_files_are_passed_over(private_home):
    (private_home / ".docker").mkdir()
    for text in (
        "{",
        "[]",
        '{"auths": []}',
        '{"auths": {"r": {"auth": 5}}}',
        '{"auths": {"r": 1}}',
    ):
        (private_home / ".docker/config.json").write_text(text)
        held(None)


def test_the_same_values_are_prepared_once_and_others_anew(monkeypatch):
    monkeypatch.setenv("SHOP_API_KEY", A)
    first = redactor_for(None)
    assert redactor_for(None).values is first.values
    monkeypatch.setenv("SHOP_API_KEY", B)
    assert redactor_for(None).values is not first.values
    assert B not in redactor_for(None).for_models(f"key: {B}")
