"""Notifications about waiting work: one for a batch, and one for a stopped run."""

from support.webhook import listening


def test_a_batch_calls_once_about_all_that_waits(shop):
    checkout = shop()
    with listening() as hook:
        checkout.environ["REVIEWLOOP_NOTIFY__WEBHOOK"] = hook.url
        assert checkout.run("batch", "--tasks", "1,4").code == 4
        ident = checkout.json("status")["batch"]["batch"]
    [(_, body)] = hook.posted
    assert body["text"] == "the batch stands still: 2 waiting for you"
    assert (body["event"], body["batch"], body["waiting"]) == ("waiting", ident, 2)


def test_a_batch_and_a_run_that_stop_at_a_cap_call_too(shop):
    checkout = shop()
    with listening() as hook:
        checkout.environ["REVIEWLOOP_NOTIFY__WEBHOOK"] = hook.url
        checkout.environ["REVIEWLOOP_LIMITS__TOKENS"] = "1"
        assert checkout.run("batch", "--tasks", "1").code == 6
        assert checkout.run("run", "4").code == 6
    of_batch, of_run = (body for _, body in hook.posted)
    assert of_batch["text"] == "the batch stands still: 1 stopped"
    assert of_run["text"].startswith("4 Fourth number is paused: ")
    assert (of_run["status"], of_run["task"]) == ("paused", "4")
