"""Plain words the generator draws from."""

from __future__ import annotations

GIVEN = tuple(
    """
    Ada Alan Amara Amelia Anna Ben Bruno Carla Chen Clara Daniel David Diego Elena Elif Emma Erik Farid
    Fatima Felix Finn Frida Greta Hannah Hugo Ida Igor Ines Ivan Jakob Jana Jonas Julia Karim Kira Lara Lea
    Leo Lina Luca Maja Marco Maria Mateo Mia Mila Mohamed Nadia Nina Noah Nora Olga Omar Oscar Paul Petra
    Priya Rafael Rosa Samir Sara Sofia Stefan Tara Theo Tom Vera Yara Yuki Zoe
    """.split()
)
FAMILY = tuple(
    """
    Adler Ahmed Andersen Bauer Becker Berg Bianchi Braun Castro Costa Dubois Dvorak Eriksen Fischer Fontana
    Garcia Gruber Haas Hansen Hoffmann Horvat Ivanov Jansen Jensen Kaya Keller Khan Klein Koch Kovac Kruger
    Lang Larsen Lehmann Lopez Maier Martin Meyer Moreau Muller Nagy Neumann Nguyen Novak Olsen Patel Peeters
    Petrov Popescu Richter Ricci Rossi Roth Santos Schmidt Schneider Silva Singh Sommer Svensson Tanaka Tran
    Vogel Wagner Weber Wolf Yilmaz Zimmermann
    """.split()
)
STREETS = tuple(
    """
    Bahnhofstrasse Bergweg Gartenstrasse Hauptstrasse Kirchweg Lindenallee Marktplatz Parkstrasse Ringstrasse
    Schulstrasse Seeweg Waldstrasse
    """.split()
)
CITIES = tuple(
    """
    Berlin Bremen Dresden Essen Frankfurt Hamburg Hannover Kiel Koeln Leipzig Mainz Muenchen Stuttgart
    """.split()
)
QUALITIES = tuple(
    """
    Blue Bright Classic Cosy Country Fine Folding Garden Grand Green Heavy Light Little Modern Natural Oak
    Painted Plain Red Round Rustic Silver Slim Soft Square Striped Tall Vintage White Woven
    """.split()
)
NOUNS = tuple(
    """
    Basket Bench Blanket Bottle Bowl Box Brush Candle Chair Clock Cup Cushion Frame Jar Kettle Lamp Lantern
    Mat Mirror Mug Plate Pot Rack Rug Shelf Stool Table Tray Vase Wreath
    """.split()
)
