// Package tables holds the operators of tables that are made of other tables: filtered and mapped
// ones, joins, and rows that are grouped by another key.
//
// Such a table has no store of its own. It is a view: its rows are computed when they are looked
// up, and its updates when those of its parents come. For exact results it therefore has to know
// what a parent has handed on before, not what the parent has; see Change and Lookup in package
// operator.
package tables
