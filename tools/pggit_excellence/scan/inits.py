"""__init__ of value classes, for each number of fields: what frozen.py gives the names of a class's own fields.

They are compiled with this file. Compiled in each process when they are needed, they took a twentieth of a scan.
"""

# mypy: allow-untyped-defs
# ruff: noqa: PLR0917

from __future__ import annotations


def _0(self):
    pass


def _1(self, a):
    self.a = a


def _2(self, a, b):
    self.a = a
    self.b = b


def _3(self, a, b, c):
    self.a = a
    self.b = b
    self.c = c


def _4(self, a, b, c, d):
    self.a = a
    self.b = b
    self.c = c
    self.d = d


def _5(self, a, b, c, d, e):
    self.a = a
    self.b = b
    self.c = c
    self.d = d
    self.e = e


def _6(self, a, b, c, d, e, f):
    self.a = a
    self.b = b
    self.c = c
    self.d = d
    self.e = e
    self.f = f


def _7(self, a, b, c, d, e, f, g):
    self.a = a
    self.b = b
    self.c = c
    self.d = d
    self.e = e
    self.f = f
    self.g = g


def _8(self, a, b, c, d, e, f, g, h):
    self.a = a
    self.b = b
    self.c = c
    self.d = d
    self.e = e
    self.f = f
    self.g = g
    self.h = h


def _9(self, a, b, c, d, e, f, g, h, i):
    self.a, self.b, self.c, self.d, self.e = a, b, c, d, e
    self.f, self.g, self.h, self.i = f, g, h, i


def _10(self, a, b, c, d, e, f, g, h, i, j):
    self.a, self.b, self.c, self.d, self.e = a, b, c, d, e
    self.f, self.g, self.h, self.i, self.j = f, g, h, i, j


def _11(self, a, b, c, d, e, f, g, h, i, j, k):
    self.a, self.b, self.c, self.d, self.e, self.f = a, b, c, d, e, f
    self.g, self.h, self.i, self.j, self.k = g, h, i, j, k


def _12(self, a, b, c, d, e, f, g, h, i, j, k, m):
    self.a, self.b, self.c, self.d, self.e, self.f = a, b, c, d, e, f
    self.g, self.h, self.i, self.j, self.k, self.m = g, h, i, j, k, m


def _13(self, a, b, c, d, e, f, g, h, i, j, k, m, n):
    self.a, self.b, self.c, self.d, self.e, self.f, self.g = a, b, c, d, e, f, g
    self.h, self.i, self.j, self.k, self.m, self.n = h, i, j, k, m, n


def _14(self, a, b, c, d, e, f, g, h, i, j, k, m, n, o):
    self.a, self.b, self.c, self.d, self.e, self.f, self.g = a, b, c, d, e, f, g
    self.h, self.i, self.j, self.k, self.m, self.n, self.o = h, i, j, k, m, n, o


def _15(self, a, b, c, d, e, f, g, h, i, j, k, m, n, o, p):
    self.a, self.b, self.c, self.d, self.e, self.f, self.g, self.h = a, b, c, d, e, f, g, h
    self.i, self.j, self.k, self.m, self.n, self.o, self.p = i, j, k, m, n, o, p


def _16(self, a, b, c, d, e, f, g, h, i, j, k, m, n, o, p, q):
    self.a, self.b, self.c, self.d, self.e, self.f, self.g, self.h = a, b, c, d, e, f, g, h
    self.i, self.j, self.k, self.m, self.n, self.o, self.p, self.q = i, j, k, m, n, o, p, q


def _17(self, a, b, c, d, e, f, g, h, i, j, k, m, n, o, p, q, r):
    self.a, self.b, self.c, self.d, self.e, self.f, self.g, self.h, self.i = a, b, c, d, e, f, g, h, i
    self.j, self.k, self.m, self.n, self.o, self.p, self.q, self.r = j, k, m, n, o, p, q, r


# By the number of fields.
INITS = (_0, _1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, _13, _14, _15, _16, _17)
