package e2e

func instanceMain() int { return 2 }
