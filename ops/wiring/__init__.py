"""The only room that knows every concrete class. It builds; it decides nothing.

A file per process, so that each process imports only what it is made of.
"""
