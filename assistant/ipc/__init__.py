"""The engine as a child process: its client, its server and the frames between them."""
