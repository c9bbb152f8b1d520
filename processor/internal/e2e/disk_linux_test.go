package e2e

import (
	"os"
	"os/signal"
	"syscall"
)

// limitFileSize limits the size of every file that this process writes, once it gets SIGUSR1:
// writes fail then as on a full disk.
func limitFileSize(bytes uint64, out *emitter) {
	full := make(chan os.Signal, 1)
	signal.Notify(full, syscall.SIGUSR1)
	signal.Ignore(syscall.SIGXFSZ)
	go func() {
		<-full
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: bytes, Max: bytes}); err != nil {
			panic(err)
		}
		out.emit(event{Kind: "full"})
	}()
}
