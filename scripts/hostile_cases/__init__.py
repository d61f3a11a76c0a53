# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

"""Hostile input for m4run, each case made from a seed alone. `scripts/hostile` runs them."""
