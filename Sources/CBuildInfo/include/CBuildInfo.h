// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// What a build says of itself.
#ifndef CBUILDINFO_H
#define CBUILDINFO_H

/// The version: here and nowhere else. Scripts read this line.
#define M4RUN_VERSION "0.2.0"

/// The version, `0.2.0`.
const char *m4run_version(void);

/// The commit that was built, as `git describe --always --dirty --abbrev=12` has it, or the one that a source archive was made of; NULL where
/// nothing has told: scripts/build-info did not run before the build.
const char *m4run_commit(void);

/// How many changes scripts/build-engine makes to Unicorn's source (`engine/series`); 0 where scripts/build-info did not run.
int m4run_engine_changes(void);

/// The date of that commit, as `2026-12-01`; NULL where nothing has told.
const char *m4run_commit_date(void);

/// A page of docs/reference: its file's name without .md, and its text.
typedef struct m4run_page {
    const char *name, *text;
} m4run_page;

/// The pages, up to one without a name; none where scripts/build-info did not run.
const m4run_page *m4run_pages(void);

#endif
