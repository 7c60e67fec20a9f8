"""The user's files: copies them to workspaces, promotes and undoes commits; never follows links."""
