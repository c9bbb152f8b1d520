package topology

import "github.com/kolkstream/kolk/internal/flow"

// timeShape is that of the time store of every task.
var timeShape = flow.Shape{Role: "time", Key: "bytes", Value: "bytes", Format: flow.KeyValueStore.Format()}

// shape returns what the store is. The serdes have been found.
func (d *storeDecl) shape() flow.Shape {
	s := flow.Shape{Role: d.role, Key: nameOf(d.key), Value: nameOf(d.value), Columns: d.value.columns(), Format: d.kind.Format()}
	if d.segment != 0 {
		s.Size, s.Advance = d.segment, d.segment
	}
	if d.windows != nil {
		d.windows.shape(&s)
	}
	return s
}

// columnsOf returns the text of the columns of a serde: "n:count,sum:sum", by name. Those that are
// gone have a "-" before the function.
func columnsOf(serde any) string {
	c, ok := serde.(flow.Columned)
	if !ok {
		return ""
	}
	return flow.ColumnsText(c.Columns())
}
