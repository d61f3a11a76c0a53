/* SPDX-FileCopyrightText: 2026 The m4run authors
   SPDX-License-Identifier: MIT */

/* How programs begin and end, without lines of its own: gdb then looks at main's file first, as the suite expects. A fault stops where it is. */
        .syntax unified
        .thumb
        .section .vectors, "a"
        .word   __stack
        .word   _start
        .rept   14
        .word   stay
        .endr

        .text
        .thumb_func
        .global _start
        .type   _start, %function
_start: ldr     r0, =__bss_start__
        ldr     r1, =__bss_end__
        movs    r2, #0
1:      cmp     r0, r1
        bhs     2f
        str     r2, [r0], #4
        b       1b
2:      bl      initialise_monitor_handles
        bl      __libc_init_array
        movs    r0, #0
        movs    r1, #0
        bl      main
        bl      exit
        .thumb_func
        .type   stay, %function
stay:   b       stay
        .thumb_func
        .global _init
_init:  bx      lr
        .thumb_func
        .global _fini
_fini:  bx      lr
