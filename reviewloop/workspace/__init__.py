"""The only door to git, to processes and to the files a run works on."""
