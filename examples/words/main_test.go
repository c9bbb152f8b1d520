package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWords(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), strings.NewReader("to be or\nnot to be"), &out); err != nil {
		t.Fatal(err)
	}
	last := map[string]string{} // what stands after a word's last count
	for line := range strings.Lines(out.String()) {
		word, count, _ := strings.Cut(strings.TrimSpace(line), " ")
		last[word] = count
	}
	var got []string
	for word, count := range last {
		got = append(got, word+" "+count)
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"be 2", "not 1", "or 1", "to 2"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s\n%s", diff, out.String())
	}
}
