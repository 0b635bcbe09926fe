"""What stands around the HTTP server: who may stay connected, for how long, and ask for how much.

The HTTP server reads, parses and answers. It does not tell peers apart, does not bound how long a
request's head takes in all, and does not mind frames that ask for nothing. What does that
here looks at this process's own sockets from outside, once a second, and costs a request little.
"""
