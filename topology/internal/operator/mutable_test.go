package operator

import (
	"testing"
	"time"
)

func TestMutable(t *testing.T) {
	type plain struct {
		A int
		B string
		C [3]float64
		D struct{ E bool }
		T time.Time
	}
	type holder struct {
		A int
		B struct{ C []int }
	}
	for name, ok := range map[string]bool{
		"int":          !Mutable[int](),
		"string":       !Mutable[string](),
		"plain":        !Mutable[plain](),
		"empty":        !Mutable[[0]*int](),
		"time":         !Mutable[time.Time](),
		"bytes":        Mutable[[]byte](),
		"map":          Mutable[map[string]int](),
		"pointer":      Mutable[*plain](),
		"interface":    Mutable[any](),
		"holder":       Mutable[holder](),
		"array":        Mutable[[2]*int](),
		"func":         Mutable[func()](),
		"channel":      Mutable[chan int](),
		"opt of plain": !Mutable[Opt[plain]](),
	} {
		if !ok {
			t.Errorf("%s: wrong", name)
		}
	}
}
