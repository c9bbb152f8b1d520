// Package ops holds the operators that need no package of their own: those without state, sources
// and sinks, tables and aggregates, windows, joins with tables, InOrder, processors.
package ops
