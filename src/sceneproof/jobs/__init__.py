"""One way to work through many files: a plan that parts follow from, parts whole or not at all, and processes for them.

A user says what a part is and how it is made; here it is claimed, worked through, gone on with after a stop at any
moment, and refused where it was begun otherwise.
"""
