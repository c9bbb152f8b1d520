package config

// nearest returns the name of the setting that a misspelt one is nearest to: at most two letters
// are wrong, missing, too many or exchanged, or one in a short name. Of several it is the first by
// name.
func nearest(name string, settings []Setting, of func(Setting) string) string {
	best, least := "", min(3, len(name)/3+1)
	for _, s := range settings {
		candidate := of(s)
		if d := distance(name, candidate); d < least || d == least && best != "" && candidate < best {
			best, least = candidate, d
		}
	}
	return best
}

// distance is how many letters must be inserted, deleted, replaced or exchanged with the next one.
func distance(a, b string) int {
	before, last, now := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		now[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			now[j+1] = min(last[j+1]+1, now[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				now[j+1] = min(now[j+1], before[j-1]+1)
			}
		}
		before, last, now = last, now, before
	}
	return last[len(b)]
}
