# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

"""What scripts/check-documents looks for, a file each."""
