package nexmark

import (
	"math/bits"
	"strconv"
	"strings"
)

const (
	textBytes = 1 << 20 // of what texts are cut from, as in the original
	channels  = 10_000  // besides the hot ones
	minText   = 3
)

// texts is what the generator takes texts from, so that most events need no memory of their own.
type texts struct {
	letters  string    // a to z
	words    string    // a to z and, one in 13, a space
	hot      []channel // one of which half of the bids come from
	channels []channel
	names    []string // first and last
	cities   []string
	states   []string
}

// channel is where a bid came from.
type channel struct{ name, url string }

func newTexts(seed uint64) texts {
	// The sequences of events have the numbers from 0 on.
	letters, words, urls := newRandom(seed, -1), newRandom(seed, -2), newRandom(seed, -3)
	t := texts{
		letters:  string(appendText(nil, &letters, textBytes, 0)),
		words:    string(appendText(nil, &words, textBytes, ' ')),
		channels: make([]channel, channels),
		cities:   []string{"Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond", "Seattle", "Kent", "Cheyenne"},
		states:   []string{"AZ", "CA", "ID", "OR", "WA", "WY"},
	}
	for _, name := range []string{"Google", "Facebook", "Baidu", "Apple"} {
		t.hot = append(t.hot, channel{name, string(appendURL(nil, &urls))})
	}
	for i := range t.channels {
		url := appendURL(nil, &urls)
		if urls.below(10) > 0 {
			url = append(url, "&channel_id="...)
			// As the original has it: the absolute value of a signed number.
			url = strconv.AppendInt(url, abs(int64(int32(bits.Reverse32(uint32(i))))), 10)
		}
		t.channels[i] = channel{"channel-" + strconv.Itoa(i), string(url)}
	}
	for _, first := range []string{"Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter"} {
		for _, last := range []string{"Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris"} {
			t.names = append(t.names, first+" "+last)
		}
	}
	return t
}

func abs(i int64) int64 {
	if i < 0 {
		return -i
	}
	return i
}

func appendURL(dst []byte, r *random) []byte {
	dst = append(dst, "https://www.nexmark.com/"...)
	for range 3 {
		dst = appendText(dst, r, minText+int(r.below(5-minText)), '_')
		dst = append(dst, '/')
	}
	return append(dst, "item.htm?query=1"...)
}

// appendText appends n letters, of which one in 13 is special unless that is 0.
func appendText(dst []byte, r *random, n int, special byte) []byte {
	for range n {
		if special != 0 && r.below(13) == 0 {
			dst = append(dst, special)
		} else {
			dst = append(dst, byte('a'+r.below(26)))
		}
	}
	return dst
}

// text is words of at least 3 and less than limit characters, less the spaces at both ends.
func (t *texts) text(r *random, limit int) string {
	n := minText + int(r.below(int64(limit-minText)))
	at := int(r.below(int64(len(t.words) - n)))
	return strings.Trim(t.words[at:at+n], " ")
}

// extra is so long that an event of size bytes becomes one of average bytes, give or take a fifth
// of what it adds.
func (t *texts) extra(r *random, size, average int) string {
	rest := average - size
	if rest <= 0 {
		return ""
	}
	n := rest
	if delta := (rest + 2) / 5; delta > 0 {
		n += int(r.below(int64(2*delta))) - delta
	}
	at := int(r.below(int64(len(t.letters) - n)))
	return t.letters[at : at+n]
}
