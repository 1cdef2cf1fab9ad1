"""pool.py SLOTS FILE - gives each line of FILE to a function that does nothing"""
import multiprocessing
import sys


def nothing(line):
    return None


def main():
    with open(sys.argv[2], encoding="utf-8") as lines, \
            multiprocessing.Pool(int(sys.argv[1])) as pool:
        done = sum(1 for _ in pool.imap_unordered(
            nothing, (line.rstrip("\n") for line in lines), chunksize=1))
    print(done)


if __name__ == "__main__":
    main()
