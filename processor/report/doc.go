// Package report declares what an application tells its user: the errors that it ends with, what it
// has counted, and what its hooks are told.
//
// Package processor has every one of these types and errors under the same name, and a program
// names them there:
//
//	err := app.Run(ctx)
//	if bad, ok := errors.AsType[*processor.RecordError](err); ok {
//		log.Printf("offset %d of %s/%d: %v", bad.Offset, bad.Topic, bad.Partition, bad.Err)
//	}
//
// They are declared here and not in package processor, because the parts of an application that
// make them lie below it, and because processortest has them, too, and needs no broker. An error
// that comes out of [errors.As] is therefore the one that was made, with all that was said about it
// on its way.
//
// All of these are plain values. Those that are handed over belong to whoever gets them.
package report
