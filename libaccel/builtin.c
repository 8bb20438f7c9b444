/* SPDX-License-Identifier: MIT */
/* The shared library has no provider in itself. libaccel.a has a list in this one's place, which
 * buildlib/AccelArchive.cmake writes. */
#include "core.h"

const struct builtin_provider builtin_providers[] = {{NULL, NULL}};
