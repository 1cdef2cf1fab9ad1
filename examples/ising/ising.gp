# ising.gp - plots `table`, which ising.py has written, into ising.png
set terminal pngcairo size 900,600
set output "ising.png"
set title "Ising's magnet on a square lattice"
set xlabel "temperature (J/k)"
set ylabel "energy of a spin (J)"
set key left top
set grid
critical = 2 / log(1 + sqrt(2))
set arrow from critical, graph 0 to critical, graph 1 nohead dashtype 3
# Onsager, Phys. Rev. 65, 117 (1944)
modulus(T) = 2 * sinh(2 / T) / cosh(2 / T)**2
onsager(T) = -(1 + 2 / pi * (2 * tanh(2 / T)**2 - 1) \
    * EllipticK(modulus(T))) / tanh(2 / T)
set samples 1000
stats "table" using 2 nooutput
set xrange [STATS_min - 0.1 : STATS_max + 0.1]
lengths = system("awk '!/^#/ && !seen[$1]++ { print $1 }' table")
plot onsager(x) title "Onsager, infinite lattice" linecolor "gray30", \
    for [length in lengths] "table" \
        using 2:($1 == length + 0 ? $3 : NaN):4 with yerrorbars \
        pointtype 6 title "L = ".length
