"""The record of an approval in a commit that a user signed."""

from reviewloop.git.commits import is_signed, message_of
from reviewloop.git.private import PrivateRepo
from reviewloop.git.repository import discover
from reviewloop.loop.approval_act import Act, approval_lines, record_act_signed

ADA = ("Ada Example", "ada@example.org")
ACT = Act("comment", "ada", "17", "https://github.com/octo/demo/pull/1#issuecomment-17")


def test_a_signed_commit_is_signed_again_with_the_act_in_it(repo, private_home, tmp_path):
    program = tmp_path / "fake-gpg"
    program.write_text(
        "#!/bin/sh\ncat >/dev/null\necho '[GNUPG:] SIG_CREATED D' >&2\n"
        "echo '-----BEGIN PGP SIGNATURE-----'\necho for $3\necho '-----END PGP SIGNATURE-----'\n"
    )
    program.chmod(0o755)
    (private_home / ".gitconfig").write_text(
        f"[gpg]\n\tprogram = {program}\n[user]\n\tsigningkey = ADA\n"
    )
    private = PrivateRepo.create(tmp_path / "git", discover(repo))
    date = "1700000000 +0130"
    plain, signed = (
        private.commit(
            private.head + "^{tree}", [private.head], "Work", ADA, ADA, sign=sign, date=date
        )
        for sign in (False, True)
    )
    for commit in (plain, signed):
        made = record_act_signed(private, commit, ACT)
        assert is_signed(private.git, made) is (commit == signed)
        assert approval_lines(message_of(private.git, made)) == ACT.trailers
        shape = (
            "show",
            "-s",
            "--no-show-signature",
            "--date=raw",
            "--format=%T %P %an %ad %ce %cd",
        )
        assert private.git.text(*shape, made) == private.git.text(*shape, commit)
    private.close()
