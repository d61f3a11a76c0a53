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

#endif
