"""Inputs that nobody sane would send, by the million.

Every parser of untrusted bytes and both listeners of a real server get them. A parser may take an
input or refuse it with the errors it is documented to raise; anything else is a finding, as are
too much time, too much memory and a refusal that has no end.
"""
