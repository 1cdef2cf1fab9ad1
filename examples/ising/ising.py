"""ising - what `run` found, beside what is known

    fan results --format csv RUN | python3 ising.py [TABLE]

Prints, for each length and temperature, the mean energy of a spin with its
standard error over the repeats, the exact energy of such a torus (Kaufman, Phys.
Rev. 76, 1232 (1949); Ferdinand and Fisher, Phys. Rev. 185, 832 (1969)), and that
of the infinite lattice (Onsager, Phys. Rev. 65, 117 (1944)); into TABLE the same
for gnuplot. Exit 1 where a mean is further from the exact one than chance makes
it in one of a thousand such studies.
"""
import csv
import math
import statistics
import sys

STEP = 1e-5    # of the coupling, for a derivative
CHANCE = 1e-3  # of a false alarm


def log_partition(length, coupling):
    """ln Z of a torus, by Kaufman's four products, each spin's part."""
    def gamma(index):
        if index == 0:
            return 2 * coupling + math.log(math.tanh(coupling))
        return math.acosh(math.cosh(2 * coupling) / math.tanh(2 * coupling)
                          - math.cos(index * math.pi / length))

    def log_product(first, sign):
        """(sign, ln) of the product of 2 cosh or 2 sinh of L/2 gamma."""
        total, whole = 0.0, 1
        for index in range(first, 2 * length, 2):
            half = length * gamma(index) / 2
            if half < 0 and sign < 0:
                whole = -whole
            if half == 0 and sign < 0:
                return 0, 0.0
            half = abs(half)
            total += half + math.log1p(sign * math.exp(-2 * half))
        return whole, total

    products = [log_product(first, sign)
                for first in (1, 0) for sign in (1, -1)]
    most = max(value for _, value in products)
    total = sum(whole * math.exp(value - most) for whole, value in products)
    spins = length * length
    return (math.log(2 * math.sinh(2 * coupling)) / 2
            + (most + math.log(total / 2)) / spins)


def torus_energy(length, temperature):
    coupling = 1 / temperature
    return -(log_partition(length, coupling + STEP)
             - log_partition(length, coupling - STEP)) / (2 * STEP)


def onsager_energy(temperature):
    """Its elliptic integral by the arithmetic-geometric mean."""
    twice = 2 / temperature
    modulus = 2 * math.sinh(twice) / math.cosh(twice) ** 2
    first, second = 1.0, math.sqrt(max(0.0, 1 - modulus * modulus))
    if second == 0:
        return -math.sqrt(2)
    while abs(first - second) > 1e-15 * first:
        first, second = (first + second) / 2, math.sqrt(first * second)
    integral = math.pi / (2 * first)
    return -(1 + 2 / math.pi * (2 * math.tanh(twice) ** 2 - 1)
             * integral) / math.tanh(twice)


def limit(points, repeats):
    """How many errors a mean may be off: of a normal variable, widened for the
    few repeats from which its error is known (Student's t, by the expansion of
    Abramowitz and Stegun, 26.7.5)."""
    normal = statistics.NormalDist().inv_cdf(1 - CHANCE / points / 2)
    free = repeats - 1
    return normal + ((normal ** 3 + normal) / 4 / free
                     + (5 * normal ** 5 + 16 * normal ** 3 + 3 * normal)
                     / 96 / free ** 2)


def read_points(lines):
    """{(length, temperature): energies}"""
    points = {}
    for row in csv.DictReader(lines):
        if row["status"] == "ok" and row["stdout"]:
            length, temperature, energy, _ = row["stdout"].split()
            points.setdefault((int(length), float(temperature)),
                              []).append(float(energy))
    return points


def main():
    points = read_points(sys.stdin)
    if not points or min(map(len, points.values())) < 4:
        sys.exit("ising.py: at least four repeats of each point are needed")
    off = 0
    table = ["#  L      T       energy      error        torus      Onsager"]
    for (length, temperature), energies in sorted(points.items()):
        mean = statistics.fmean(energies)
        error = statistics.stdev(energies) / math.sqrt(len(energies))
        exact = torus_energy(length, temperature)
        off += abs(mean - exact) > limit(len(points), len(energies)) * error
        table.append(f"{length:4d} {temperature:8.5f} {mean:11.7f} "
                     f"{error:10.7f} {exact:12.7f} "
                     f"{onsager_energy(temperature):12.7f}")
    print("\n".join(table))
    if len(sys.argv) > 1:
        with open(sys.argv[1], "w", encoding="ascii") as file:
            file.write("\n".join(table) + "\n")
    print(f"{len(points) - off} of {len(points)} energies are the exact ones "
          "within their errors")
    return 1 if off else 0


if __name__ == "__main__":
    sys.exit(main())
