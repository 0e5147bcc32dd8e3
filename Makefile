# A thin front for CMake. `make demo` and `make test` also install the Debian packages that are missing.
JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
export JOBS

.PHONY: build demo test tour asan bench format lint install clean packages

build: packages
	@cmake --preset release >build.log || { cat build.log; exit 1; }; rm -f build.log
	@cmake --build build -j $(JOBS)

demo: build
	@scripts/demo build

test: packages
	@scripts/install-packages neon || true # without them that part is skipped
	@scripts/test

tour: build
	@scripts/tour build

asan: packages
	@scripts/test asan

bench: build
	build/heed bench

format:
	git ls-files -z '*.c' '*.h' | xargs -0 clang-format -i

lint: build
	@scripts/lint

install: build
	cmake --install build --prefix "$(PREFIX)"

clean:
	rm -rf build build-*

packages:
	@scripts/install-packages
