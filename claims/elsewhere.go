package claims

// What no run of these scenarios tells, with where an answer is.

func schedulers(*evidence) Verdict {
	return Verdict{Word: CannotJudge, Reason: "Figures of cost show no choice; the tests of svcmark hold every scheduler to its law, connection by connection (docs/schedulers.md)."}
}

func advice(*evidence) Verdict {
	return Verdict{Word: CannotJudge, Reason: "A second is of one's own hardware: svcmark plan --limit sync=1s says at how many Services a run in the wall clock reaches it."}
}

func latencySLI(*evidence) Verdict {
	return Verdict{Word: CannotJudge, Reason: "The objective is of a cluster's API server, network and nodes together; a node's part is what the measurement timeToEffective gives."}
}
