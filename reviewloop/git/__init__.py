"""Git: processes, objects, private repositories, diffs and revisions; only here git starts."""
