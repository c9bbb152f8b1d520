package topology

import "github.com/kolkstream/kolk/internal/flow"

// texts sets what keys and values of topics and stores are as texts. Build has found the serdes.
func (p *Plan) texts(t *Topology) {
	p.made.Topics, p.made.Found, p.made.Stores = map[string]flow.Texts{}, map[string]flow.Texts{}, map[string]flow.Texts{}
	add := func(to map[string]flow.Texts, name string, key, value anySerde) {
		if _, ok := to[name]; !ok && key != nil && value != nil {
			to[name] = flow.Texts{Key: key.texts(), Value: value.texts()}
		}
	}
	for _, n := range t.nodes {
		if n.reader != nil && !n.reader.internal {
			to := p.made.Topics
			if n.reader.pattern != nil {
				to = p.made.Found
			}
			for _, topic := range n.reader.topics {
				add(to, topic, n.key.serde, n.value.serde)
			}
		}
		if n.writer != nil && n.writer.repartition == nil {
			for _, topic := range n.writer.topics {
				add(p.made.Topics, topic, n.writer.key, n.writer.value)
			}
		}
	}
	for _, d := range t.globals {
		add(p.made.Topics, d.topic, d.key, d.value)
	}
	for _, d := range t.storeIDs {
		if d.kind != flow.HistoryStore { // whose rows are no rows of a table
			add(p.made.Stores, d.name, d.key, d.value)
		}
	}
}
