from jobs import names


def test_no_jobs_have_no_names():
    assert names([]) == []
