"""Products: files of Shopify, WooCommerce or one row each become products with variants, compared with what stands.

A reader per format turns rows into drafts; ``compare`` finds what a draft would change; ``apply`` writes it, ``stock``
its opening balance; ``undo`` puts the images from before back.
"""
