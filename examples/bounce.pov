// bounce - a ball that bounces round a pillar: frames of an animation, each a
// task. POV-Ray's clock is the frame's number here, so that no shell is needed
// between the two. Beside this file, with povray and imagemagick installed:
//
//     fan run --results bounce --sweep 'frame=0:47' --stderr 'frames/{frame}.log' -- povray -D -GA +WT1 +Ibounce.pov +W320 +H240 +A +K{frame} +Oframes/{frame}.png
//     convert -delay 4 $(ls -v frames/*.png) bounce.gif
//
// Each povray has one thread (+WT1), for fan keeps every core busy. Frames that
// failed, and those that were not reached, are made by the first line with
// --resume; a longer film by a longer sweep.
#version 3.7;
global_settings { assumed_gamma 1 }

camera { location <0, 2.6, -6> look_at <0, 0.9, 0> angle 45 }
light_source { <6, 9, -6> rgb 1 }
light_source { <-8, 5, -2> rgb <0.25, 0.3, 0.4> shadowless }
sky_sphere { pigment { gradient y color_map { [0 rgb <0.9, 0.93, 1>] [1 rgb <0.3, 0.5, 0.8>] } } }

plane { y, 0
    pigment { checker rgb 0.9, rgb <0.35, 0.4, 0.45> }
    finish { reflection 0.08 }
}
cylinder { 0, 1.6*y, 0.5
    pigment { rgb <0.8, 0.75, 0.6> }
}

#declare Frames = 48;
#declare Bounces = 4;
#declare Time = mod(clock * Bounces / Frames, 1);
#declare Height = 4 * 1.3 * Time * (1 - Time);
sphere { <0, 0.35, -1.6>, 0.35
    pigment { rgb <0.85, 0.2, 0.1> }
    finish { specular 0.6 reflection 0.15 }
    translate Height * y
    rotate -360 * clock / Frames * y
}
