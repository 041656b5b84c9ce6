#include "textflag.h"

// func stopAt(port uint16, v byte) (ticks uint64)
TEXT ·stopAt(SB), NOSPLIT, $0-16
	RDTSC
	SHLQ $32, DX
	ORQ  DX, AX
	MOVQ AX, R8
	MOVW port+0(FP), DX
	MOVB v+2(FP), AX
	OUTB
	RDTSC
	SHLQ $32, DX
	ORQ  DX, AX
	SUBQ R8, AX
	MOVQ AX, ticks+8(FP)
	RET

// func outw(port, v uint16)
TEXT ·outw(SB), NOSPLIT, $0-4
	MOVW port+0(FP), DX
	MOVW v+2(FP), AX
	OUTW
	RET

// func outs(port uint16, p *byte, n int)
TEXT ·outs(SB), NOSPLIT, $0-24
	MOVW port+0(FP), DX
	MOVQ p+8(FP), SI
	MOVQ n+16(FP), CX
	CLD
	REP; OUTSB
	RET

// func ins(port uint16, p *byte, n int)
TEXT ·ins(SB), NOSPLIT, $0-24
	MOVW port+0(FP), DX
	MOVQ p+8(FP), DI
	MOVQ n+16(FP), CX
	CLD
	REP; INSB
	RET

// func burn(n int)
TEXT ·burn(SB), NOSPLIT, $0-8
	MOVQ n+0(FP), CX
loop:
	DECQ CX
	JGT  loop
	RET
